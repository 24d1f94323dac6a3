"""What happens, in time: readings, anomalies, incidents, suspects, gate plans, commands."""
