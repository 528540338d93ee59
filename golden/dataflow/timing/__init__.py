"""The cycle model: when each job starts and ends, and where its cycles go."""
