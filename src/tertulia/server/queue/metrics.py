"""What Prometheus is told: how much is asked, how long it takes, what was given up or refused."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from tertulia.engines import Completion

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
TOKEN_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

MODEL = ("model",)
"""The label that all have."""


class Metrics:
    """The metrics of one server, in a registry of its own; every label is a name of ours."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self.running = self.gauge("tertulia_requests_running", "Requests being made")
        self.waiting = self.gauge("tertulia_requests_waiting", "Requests in the queue")
        self.first_token = self.times(
            "tertulia_time_to_first_token_seconds",
            "From the request to the first token of its first candidate",
        )
        self.each_token = self.times(
            "tertulia_time_per_output_token_seconds",
            "Between two tokens of a candidate, on average",
            TOKEN_SECONDS,
        )
        self.whole = self.times("tertulia_request_seconds", "From the request to its last token")
        self.prompt_tokens = self.counter("tertulia_prompt_tokens_total", "Tokens of prompts")
        self.generated_tokens = self.counter(
            "tertulia_generated_tokens_total", "Tokens of all candidates"
        )
        self.aborted = self.counter("tertulia_requests_aborted_total", "Clients that hung up")
        self.rejected = Counter(
            "tertulia_requests_rejected_total",
            "Requests that were refused for want of room",
            (*MODEL, "reason"),
            registry=self.registry,
        )
        self.resident = self.gauge(
            "tertulia_worker_resident_bytes", "Memory that the process of a model holds"
        )
        self.deaths = self.counter(
            "tertulia_worker_deaths_total", "Processes of a model that ended by themselves"
        )

    def gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, MODEL, registry=self.registry)

    def counter(self, name: str, text: str) -> Counter:
        return Counter(name, text, MODEL, registry=self.registry)

    def times(self, name: str, text: str, buckets: Sequence[float] = SECONDS) -> Histogram:
        return Histogram(name, text, MODEL, registry=self.registry, buckets=buckets)

    def finished(self, model: str, seconds: float, completions: Sequence[Completion]) -> None:
        """Note what a request made, so many seconds after it came in."""
        self.whole.labels(model).observe(seconds)
        self.prompt_tokens.labels(model).inc(completions[0].prompt_tokens or 0)
        for each in completions:
            made = each.completion_tokens or 0
            self.generated_tokens.labels(model).inc(made)
            if made > 1:
                between = (each.seconds - each.first_seconds) / (made - 1)
                self.each_token.labels(model).observe(max(between, 0.0))

    def text(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self.registry)
