"""The file profile: the contract's records as CSV or XML in folders, for shops without an API.

codec.py      records as CSV and XML, both ways
transport.py  a local folder, or one behind SFTP
exchange.py   atomic names, sequence numbers, acknowledgements; the same for both sides
channel.py    the channel's work through files
"""
