"""Which instance a name of a plan stands for, as a value. Law: plain texts; a run journals exactly this, no secret."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """One instance, for whoever must approve what happens there."""

    #: in the plan
    name: str
    endpoint: str
    #: "" where the plan gives an endpoint outright
    region: str
    project_id: str
    instance_id: str
    #: what the instance calls itself, "" where it could not be read
    called: str = ""
    #: credentials, each with its IAM user in brackets
    users: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """`instance ID (NAME) of project ID at ENDPOINT, region R, as USER`."""
        called = f" ({self.called})" if self.called else ""
        region = f", region {self.region}" if self.region else ""
        users = f", as {', '.join(self.users)}" if self.users else ""
        return f"instance {self.instance_id}{called} of project {self.project_id} at {self.endpoint}{region}{users}"
