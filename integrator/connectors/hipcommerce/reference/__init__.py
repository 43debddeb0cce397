"""A shop that speaks the contract, to start with one command, test against and read: `integrator hipcommerce serve`.

    document.py     openapi.yaml, and whether a request or an answer is what it says
    catalogue.py    products, prices, stock
    ordering.py     orders and what happens to them
    server.py       HTTP: signature, quota, idempotency, routes
    exchange.py     the same shop through files
    conformance.py  tries a shop out, whoever wrote it

State is in memory. Needs PyYAML and jsonschema: pip install 'integrator[hipcommerce]'.
"""
