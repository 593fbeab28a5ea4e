"""A simulated day of a district, played by the dispatch engine and by two baselines under the same rules.

**The world** (`day`, `staff`, `demand`, `roads`, `rules`, `world`, and its seeds in `command`) was committed before
anything was tuned on it. It is a pure function of a seed, the number of orders and the number of workers. A policy
(`Dispatcher`) is told what a dispatcher would be told, when she would be told it: an order when it is placed, an
answer when it is given, a worker's steps when she takes them. How long a way or a visit really takes, who will
decline, fall ill or call off, only the world knows. It asks the policy to whom an order is offered and what a worker
does next, refuses whatever breaks a hard limit (and counts it), moves the workers, and keeps the account.

**Arithmetic of 5,000 orders and 400 workers**: 40 % meals (2,000, 4 min at the door), 56 % medical (2,800: 60 %
fetching medicine at 30 min, 34 % registering at hospital at 20 min, 6 % full accompaniment at 150 min: on average
33.8 min), 3 % baths (150 at 60 min, three in ten by two workers), 1 % cleaning and walks (50 at 75 min): 8,000 +
94,600 + 11,700 + 3,750 = 118,000 min at elders' doors. 400 shifts of 8 h are 192,000 min: 61 % of the time, before 7
to 9 min on the way to each order (35,000 to 45,000 min, kitchens and the way home included). That makes 80 to 85 % of
all shifts: inserting each order once where it costs least, with foresight and no chance, leaves fewer than 2 % out.

**The figures** of each policy (`account`):

- `served_in_window`: visits that began inside their window, by everybody they needed, meals hot (handed over within 60
  min of leaving the kitchen), divided by the orders that were not called off and for which a feasible plan exists
  (`feasible`: enough workers could serve it within every limit if there were no other order).
- `travel_minutes_per_order`: minutes all workers were on the way, from leaving their base until they are back at it,
  kitchens included, divided by the orders served, late ones too.
- `balance`: Jain's index of the share of her shift that each worker worked (1: all alike); `balance_providers` the same
  among providers.
- `late`, `cold`, `unserved`: orders that began after their window, meals that were not hot, orders nobody came to.
- `refused`: assignments and steps the world refused because they break a hard limit. There must be none.
- `assignment_ms`: real milliseconds of one decision: of the engine the whole transaction in which it claims an order,
  looks for a worker and commits; of a baseline its search in memory.
"""
