from flask import Blueprint

bp = Blueprint("watchlists", __name__)
