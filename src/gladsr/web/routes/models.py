"""The models."""

from fastapi import APIRouter

from gladsr import zoo
from gladsr.web.problems import documented
from gladsr.web.schemas import ModelDescription

router = APIRouter()


@router.get("/v1/models", summary="The models", responses=documented(401, 403, 421))
async def models() -> list[ModelDescription]:
    """Return all models."""
    return [
        ModelDescription(purpose=zoo.PURPOSES[card.name], **card.as_dict()) for card in zoo.cards()
    ]
