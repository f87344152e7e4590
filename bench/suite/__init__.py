"""The benchmark suite: what is measured (workloads), by whom (takers), and what the results come to (results)."""
