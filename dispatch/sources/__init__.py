"""Where orders come from beside the order form: calls, relatives, green buttons, schedules, care plans, alarms."""
