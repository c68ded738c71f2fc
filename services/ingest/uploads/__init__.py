"""Files on their way in: announced, uploaded in as many pieces as it takes, put into the queue."""
