"""What each error's code means, and what helps against it; a test holds this against the codes in use."""

from __future__ import annotations

MEANINGS: dict[str, tuple[int, str]] = {
    "bad-request": (400, "What was sent cannot be read: it is no JSON, or too deep."),
    "no-token": (401, "The call needs a token. Send it as Authorization: Bearer sw_…"),
    "bad-token": (401, "The token is unknown, expired or revoked, or its person is locked. Make a new one."),
    "forbidden": (403, "It is not allowed."),
    "insufficient-scope": (403, "The token is good, but not for this call: its scope is too narrow."),
    "not-found": (404, "There is no such thing, or it is somebody else's."),
    "unknown-symbol": (404, "No stock of that name is known here. Search for it by /api/v1/search."),
    "method-not-allowed": (405, "The address is right, but takes other methods; Allow names them."),
    "not-acceptable": (406, "The answer does not come in any form that Accept names."),
    "conflict": (409, "It cannot be done because of how things are now; detail says why."),
    "ambiguous-symbol": (409, "Several exchanges have that symbol: send one of the candidates."),
    "name-taken": (409, "You have one of that name already."),
    "full": (409, "There is no room for more: remove something first."),
    "not-the-same-stocks": (409, "An order names exactly the stocks on the list, each once. Get the list again."),
    "last-admin": (409, "Somebody must be able to run the place: make somebody else an admin first."),
    "not-waiting": (409, "That price does not wait any more: another one may. Get what waits again."),
    "changed-meanwhile": (412, "If-Match named an answer that is out of date. Get it again, then decide anew."),
    "too-large": (413, "More was sent than is taken."),
    "too-long": (414, "The address is too long."),
    "unsupported-media-type": (415, "What was sent is not JSON, or does not say so by Content-Type."),
    "invalid": (422, "A field is wrong, missing, or unknown; errors names each one."),
    "bad-cursor": (422, "after was not taken from a list's next, or was changed on the way."),
    "too-many-requests": (429, "Too many calls. Retry-After says for how many seconds to wait."),
    "internal-error": (500, "A mistake of ours. It has been logged."),
    "not-implemented": (501, "This server does not do that; another way of starting it does."),
    "too-many-streams": (503, "This address, account or server has all the streams it may have: close some."),
    "busy": (503, "Something that is needed is away for a moment. Try again in some seconds."),
}
