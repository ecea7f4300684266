"""Says in words what a browser says of itself."""

# The first sign that is found names it: Edge and Opera also call themselves Chrome, and Chrome Safari.
BROWSERS = {"Edg": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "FxiOS/": "Firefox", "CriOS/": "Chrome",
            "Chrome/": "Chrome", "Safari/": "Safari", "curl/": "curl"}
SYSTEMS = {"iPhone": "iPhone", "iPad": "iPad", "Android": "Android", "Windows": "Windows", "Mac OS X": "macOS",
           "CrOS": "ChromeOS", "Linux": "Linux"}


def device_name(agent: str) -> str:
    """Return a short name such as "Firefox on Linux" for a User-Agent header."""
    browser = next((name for sign, name in BROWSERS.items() if sign in agent), "A browser")
    system = next((name for sign, name in SYSTEMS.items() if sign in agent), "")
    return f"{browser} on {system}" if system else browser
