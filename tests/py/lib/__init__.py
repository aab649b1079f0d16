"""What the Python tests share: resp.py talks, server.py starts servers."""
