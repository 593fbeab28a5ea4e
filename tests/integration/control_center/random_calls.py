"""What happens on the telephone on a seeded day: calls of known and unknown numbers, and words about them."""

import random
from datetime import timedelta
from typing import Any

from dispatch import calling, calls
from dispatch.call_deadlines import sweep_calls
from dispatch.calling import VOICE, Wish
from dispatch.calls import Word
from tests.integration.control_center.hands import Hands

NUMBERS = ("13900000001", "13900000002", "13900000003", "023-68252222", "10086", None)


class RandomCalls:
    """The telephone of a random day."""

    def __init__(self, choice: random.Random, hands: Hands) -> None:
        self.choice = choice
        self.hands = hands
        conn, cast = hands.conn, hands.cast
        for elder, number in zip(("gui", "chen", "deng"), NUMBERS, strict=False):
            conn.execute("UPDATE elder SET phone = %s WHERE id = %s", (number, cast.elders[elder]))
        conn.execute("UPDATE household SET phone = '68252222' WHERE id = %s", (cast.households["tiansheng"],))
        conn.execute(
            "INSERT INTO phone_line (number, org_code, name)"
            " VALUES ('96001', '500109', '区'), ('96002', '500109001', '街')"
        )

    def step(self) -> None:
        """One thing that happens on the telephone; may be refused."""
        self.choice.choice((self._rings, self._goes_on, self._is_identified, self._is_placed, self._ends_by_itself))()

    def _rings(self) -> None:
        now, number = self.hands.clock.now, self.choice.choice(NUMBERS)
        line = self.choice.choice(("96001", "96002", "96003"))
        reference = f"r{self.choice.randrange(10**9)}"
        word = Word(self.choice.choice((None, "ringing")), now, reference, inbound=True, number=number, line=line)
        self.hands.do(lambda tx: calls.hear(tx, now, VOICE, word))

    def _any(self) -> Any:
        found = self.hands.conn.execute("SELECT id, reference, provider FROM call ORDER BY id DESC LIMIT 8").fetchall()
        return self.choice.choice(found) if found else None

    def _goes_on(self) -> None:
        found, now = self._any(), self.hands.clock.now
        if found is None:
            return
        said = self.choice.choice(("ringing", "answered", "answered", "ended"))
        if found[2] == VOICE:
            word = Word(said, now, found[1], inbound=True)
            self.hands.do(lambda tx: calls.hear(tx, now, VOICE, word))
        else:
            actor = self.hands.cast.accounts["operator"]
            self.hands.do(lambda tx: calling.say(tx, now, found[0], actor, said))

    def _is_identified(self) -> None:
        found, now = self._any(), self.hands.clock.now
        actor = self.hands.cast.accounts[self.choice.choice(("operator", "street_operator", "supervisor"))]
        elder = self.hands.cast.elders[self.choice.choice(("gui", "zhang", "chen"))]
        if found is not None:
            self.hands.do(lambda tx: calling.identify(tx, now, found[0], actor, elder))

    def _is_placed(self) -> None:
        now, actor = self.hands.clock.now, self.hands.cast.accounts["operator"]
        elder = self.hands.cast.elders[self.choice.choice(("gui", "chen"))]
        wish = Wish("13900000001", elder_id=elder, by_hand=True)
        self.hands.do(lambda tx: calling.place(tx, now, actor, wish))

    def _ends_by_itself(self) -> None:
        later = self.hands.clock.now + timedelta(seconds=self.choice.choice((0, 200)))
        self.hands.do(lambda tx: sweep_calls(tx, later))
