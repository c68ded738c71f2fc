"""Whether the web process is ready."""

import httpx


def is_serving(base_url: str) -> bool:
    """Ask the readiness page once; anything but 200 is no."""
    try:
        answer = httpx.get(f"{base_url}/readyz", timeout=2.0, trust_env=False)
    except httpx.HTTPError:
        return False
    return answer.is_success
