"""Notes, each its owner's. Who is asking, and may they: that is all tokend's."""

import itertools
import os
import pathlib
from typing import Dict, List

from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field
from tokend_fastapi import Tokend, User

NOTES_MAX = 100  # of one owner: they are kept in memory
PAGES = pathlib.Path(__file__).parent / "pages"

auth = Tokend(
    issuer=os.environ["TOKEND_ISSUER"],
    client_id=os.environ["TOKEND_CLIENT_ID"],
    client_secret=os.environ["TOKEND_CLIENT_SECRET"],
    scopes={"read": "see notes", "write": "change notes"},
)

app = FastAPI(title="Notes")
mine = APIRouter(prefix="/users/{user_id}/notes", tags=["notes"],
                 dependencies=[Depends(auth.require(owner="user_id"))])


class NewNote(BaseModel):
    text: str = Field(min_length=1, max_length=1000)


class Note(NewNote):
    id: int


notes: Dict[str, List[Note]] = {}
numbers = itertools.count(1)


# ---- for anybody ----

@app.get("/config")
async def config() -> Dict[str, str]:
    """Where the page logs in."""
    return {"issuer": auth.issuer}


# ---- for who has logged in ----

@app.get("/me")
async def me(user: User = Depends(auth.user)) -> Dict[str, object]:
    return {"user_id": user.id, "username": user.username, "roles": user.roles}


# ---- for a note's owner ----

@mine.get("", dependencies=[Depends(auth.require(scopes="read"))])
async def list_notes(user_id: str) -> List[Note]:
    return notes.get(user_id, [])


@mine.post("", status_code=201, dependencies=[Depends(auth.require(scopes="write"))])
async def add_note(user_id: str, new: NewNote) -> Note:
    own = notes.setdefault(user_id, [])
    if len(own) >= NOTES_MAX:
        raise HTTPException(409, "There are too many notes already")
    own.append(Note(id=next(numbers), text=new.text))
    return own[-1]


@mine.delete("/{note_id}", status_code=204, dependencies=[Depends(auth.require(scopes="write"))])
async def remove_note(user_id: str, note_id: int) -> None:
    own = notes.get(user_id, [])
    kept = [note for note in own if note.id != note_id]
    if len(kept) == len(own):
        raise HTTPException(404, "There is no such note")
    notes[user_id] = kept


# ---- for administrators ----

@app.get("/admin/counts", dependencies=[Depends(auth.require(roles="admin"))])
async def counts() -> Dict[str, int]:
    return {owner: len(own) for owner, own in notes.items()}


app.include_router(mine)
app.router.on_shutdown.append(auth.aclose)
app.mount("/pages", StaticFiles(directory=PAGES))


@app.get("/", include_in_schema=False)
async def page() -> FileResponse:
    return FileResponse(PAGES / "notes.html")
