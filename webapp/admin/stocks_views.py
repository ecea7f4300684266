"""Stocks: edit, map symbols, merge, mark."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask import current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from webapp import clock
from webapp.admin.stocks_forms import EditForm, MarkForm, MergeForm, SeenForm, SymbolsForm
from webapp.admin.views import actor, bp
from webapp.errors import Conflict, NotFound, Refused
from webapp.extensions import db
from webapp.filters import stock_path
from webapp.instruments import load_marks
from webapp.models import InstrumentRow
from webapp.notation import canonical
from webapp.quotes import load_live
from webapp.stocks import browsing, editing, merging, symbols
from webapp.stocks.merge_plan import How, Plan, plan_merge
from webapp.stocks.rows import find_row, version_of
from webapp.stocks.telling import Told, tell

Done = TypeVar("Done")


@bp.get("/stocks")
def list_stocks() -> ResponseReturnValue:
    """Show the stocks, those of a kind, or those that a text may mean."""
    asked = browsing.read_asked(request.args)
    return render_template("admin/stocks.html", asked=asked, kinds=browsing.KINDS, page=browsing.stocks_page(asked))


@bp.get("/stocks/<mic>/<symbol>")
def show_stock(mic: str, symbol: str) -> ResponseReturnValue:
    """Show what is known of a stock, to be changed."""
    return show_page(stock_or_404(mic, symbol))


@bp.post("/stocks/<mic>/<symbol>/edit")
def edit_stock(mic: str, symbol: str) -> ResponseReturnValue:
    """Set what is known of a stock."""
    row = stock_or_404(mic, symbol)
    form = EditForm(row)
    if not form.validate_on_submit():
        return show_page(row, edit=form), 422
    told, status = attempt(form, lambda: editing.edit(row.id, form.seen.data or "", form.facts(), actor()))
    if told is None:
        return show_page(row, edit=form), status
    return done(row, told, f"{row.symbol} is as you said.")


@bp.post("/stocks/<mic>/<symbol>/mark")
def mark_stock(mic: str, symbol: str) -> ResponseReturnValue:
    """Say what became of a stock's listing."""
    row = stock_or_404(mic, symbol)
    form = MarkForm()
    if not form.validate_on_submit():
        return show_page(row, mark=form), 422
    told, status = attempt(form, lambda: editing.mark(row.id, form.seen.data or "", form.status.data, form.day.data,
                                                      form.successor.data or "", actor()))
    if told is None:
        return show_page(row, mark=form), status
    return done(row, told, f"{row.symbol} is marked as {row.status}. No directory changes that.")


@bp.post("/stocks/<mic>/<symbol>/directories")
def let_directories(mic: str, symbol: str) -> ResponseReturnValue:
    """Let the providers' directories change again what an admin has set."""
    row = stock_or_404(mic, symbol)
    form = SeenForm()
    form.validate_on_submit()
    told, status = attempt(form, lambda: editing.let_directories(row.id, form.seen.data or "", actor()))
    if told is None:
        return show_page(row, message=" ".join(form.form_errors)), status
    return done(row, told, f"The directories may change {row.symbol} again.")


@bp.post("/stocks/<mic>/<symbol>/symbols")
def map_symbols(mic: str, symbol: str) -> ResponseReturnValue:
    """Set how providers write a stock."""
    row = stock_or_404(mic, symbol)
    form = SymbolsForm()
    form.validate_on_submit()
    wanted = form.wanted(request.form)
    told, status = attempt(form, lambda: symbols.map_symbols(row.id, form.seen.data or "", wanted, actor()))
    if told is None:
        return show_page(row, mapping=form), status
    return done(row, told, f"How providers write {row.symbol} is kept. It holds from their next call on.")


@bp.route("/stocks/<mic>/<symbol>/merge", methods=["GET", "POST"])
def merge_stock(mic: str, symbol: str) -> ResponseReturnValue:
    """Ask which other stock it is, show what merging them will do, and do that once it is confirmed."""
    row = stock_or_404(mic, symbol)
    asks = request.method != "POST"
    form = MergeForm(formdata=request.args if asks else request.form, meta={"csrf": not asks})
    if asks and "into" not in request.args:
        return show_merge(row, MergeForm(formdata=None), None)
    plan, status = attempt(form, lambda: find_plan(row, form)) if form.validate() else (None, 422)
    if plan is None or asks:
        return show_merge(row, form, plan), status
    target, how = plan.target, plan.how
    told, status = attempt(form, lambda: merging.merge(row.id, target.id, how, form.seen.data or "", actor()))
    if told is None:
        return show_merge(row, form, attempt(form, lambda: find_plan(row, form))[0]), status
    db.session.commit()
    tell(told)
    flash(f"{plan.source.key} is merged into {target.key}. Its stages are reckoned anew.", "success")
    return redirect(url_for(".show_stock", mic=target.mic, symbol=target.symbol), 303)


def stock_or_404(mic: str, symbol: str) -> InstrumentRow:
    """Return the stock that an address names."""
    row = find_row(mic.upper(), canonical(symbol))
    if row is None:
        raise NotFound(f"No stock {symbol} on {mic} is known here.")
    return row


def attempt(form: FlaskForm, act: Callable[[], Done]) -> tuple[Done | None, int]:
    """Return what `act` does, and 200; or None, with the reason at the form, and the status of the answer."""
    try:
        return act(), 200
    except (Conflict, Refused) as error:
        db.session.rollback()
        if isinstance(error, Conflict):
            form.seen.data = ""  # what they see now is what counts from here on
        name = str(error.more.get("field", ""))
        if name in form:
            form[name].errors = [error.message]
        else:
            form.form_errors.append(error.message)
            form.wrong = name
        return None, error.status


def done(row: InstrumentRow, told: Told, words: str) -> ResponseReturnValue:
    """Commit, tell whom it concerns, and go back to the stock."""
    db.session.commit()
    tell(told)
    flash(words, "success")
    return redirect(url_for(".show_stock", mic=row.mic, symbol=row.symbol), 303)


def find_plan(row: InstrumentRow, form: MergeForm) -> Plan:
    """Return what merging the stock as the form says would do."""
    target = editing.find(form.into.data or "", "into")
    return plan_merge(row, db.session.get_one(InstrumentRow, target.id), How(form.how.data))


def show_page(row: InstrumentRow, *, edit: EditForm | None = None, mark: MarkForm | None = None,
              mapping: SymbolsForm | None = None, message: str = "") -> str:
    """Return the page of a stock, with whichever form was not taken as it was sent."""
    facts, written = editing.facts_of(row), symbols.symbols_of(row.id)
    sent = mapping.wanted(request.form) if mapping else written
    edit = edit or EditForm(row, formdata=None, obj=facts)
    mark = mark or MarkForm(formdata=None, status=row.status, day=row.status_day, successor=row.renamed_to)
    seen = version_of(row)
    edit.seen.data, mark.seen.data = edit.seen.data or seen, mark.seen.data or seen
    return render_template(
        "admin/stocks_show.html", row=row, stock=row.record(), facts=facts, edit=edit, mark=mark, message=message,
        seen=seen, became=load_marks([row.id]).get(row.id), money=editing.why_money_stays(row.id),
        q=load_live([row.id])[0], path=stock_path(row.record()), mapping=mapping, today=clock.now().date(),
        vendors=symbols.MAPPABLE, sent=sent, shown={*current_app.config["SETTINGS"].vendors, *written, *sent} - {""},
        symbols_seen=(mapping.seen.data if mapping else "") or symbols.symbols_version(written))


def show_merge(row: InstrumentRow, form: MergeForm, plan: Plan | None) -> str:
    """Return the page that asks for the other stock, or that shows what will happen."""
    return render_template("admin/stocks_merge.html", stock=row.record(), form=form, plan=plan)
