"""Following a job at the server until it is over."""

from time import sleep
from typing import Final, Protocol

from services.cli.client import Client
from services.cli.uploading.job import Job, read_job

LOOK_EVERY_S: Final = 0.5


class Watch(Protocol):
    """Somebody who looks at the work."""

    def worked(self, job: Job) -> None:
        """Take note of how far it is."""
        ...


def follow(client: Client, job_id: str, watch: Watch) -> Job:
    """Return the job when it is over; raises CliError, IncompleteError when the server stays away."""
    while True:
        job = read_job(client, job_id)
        watch.worked(job)
        if job.is_over:
            return job
        sleep(LOOK_EVERY_S)
