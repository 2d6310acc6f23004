"""The web page and the HTTP service.

Nothing is imported here, so that the worker processes load neither FastAPI nor uvicorn.
"""
