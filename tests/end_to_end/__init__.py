"""Official client libraries, a real mitmdump process, and fake upstreams."""
