"""Partners and subscriptions: who acts for whom, who may use the wire, and how much may be on record."""
