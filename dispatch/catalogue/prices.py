"""What a visit costs the elder's side, the subsidy and the account of the provider; pure."""

from dataclasses import dataclass

from dispatch.catalogue.items import Item


@dataclass(frozen=True)
class Price:
    """In fen: the elder's side pays `price_fen` less `subsidy_fen`; the provider gets `provider_fen`."""

    price_fen: int
    subsidy_fen: int
    provider_fen: int
    category: str | None
    """Of the elder, by which the subsidy is paid."""


def price_for(item: Item) -> Price:
    """What an item costs an elder in the version on sale."""
    return Price(item.price_fen, 0, item.provider_fen, None)
