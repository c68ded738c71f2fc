"""What the registry writes by itself (`IYS_*`), and what operators have to do with it.

Decisions of citizens, lines that were closed, the codes and headers that operators send under. No provider,
partner or operator can have a decision written here; every action is audited before it is carried out.
"""
