"""The published SOAP contract: types, the two services, faults, the WSDL.

Spyne stays inside this package. What leaves it downwards are plain rows (`integrator.rows.Row`), what comes
back are `ItemResult`s and stored documents.
"""
