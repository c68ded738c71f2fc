"""PostgreSQL and Valkey as child processes of ours: no Docker, no root, no system package."""
