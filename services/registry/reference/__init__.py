"""Reference data of the wire: the 81 provinces and their districts (iys-api 10.4)."""
