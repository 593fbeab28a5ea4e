"""An open-loop fleet of devices over raw sockets: thousands of connections that cost the generator little."""
