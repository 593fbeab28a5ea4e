"""What a visit costs the elder's side, the subsidy and the account of the provider; pure."""

from dataclasses import dataclass

from dispatch.catalogue.items import Item
from dispatch.catalogue.subsidies import Category, Claim, best_subsidy


@dataclass(frozen=True)
class Price:
    """In fen: the elder's side pays `price_fen` less `subsidy_fen`; the provider gets `provider_fen`."""

    price_fen: int
    subsidy_fen: int
    provider_fen: int
    category: Category | None
    """Of the elder, by which the subsidy is paid."""
    rule_id: int | None

    @property
    def elder_fen(self) -> int:
        """What is left to the elder's side."""
        return self.price_fen - self.subsidy_fen


def price_for(item: Item, claim: Claim) -> Price:
    """What an item costs an elder in the version on sale, by the best subsidy to which she has a claim."""
    subsidy_fen, rule = best_subsidy(claim, item)
    if rule is None:
        return Price(item.price_fen, 0, item.provider_fen, None, None)
    return Price(item.price_fen, subsidy_fen, item.provider_fen, rule.category, rule.id)
