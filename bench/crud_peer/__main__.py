"""One process of the peer: ``python -m bench.crud_peer PORT POOL_SIZE``, URL in the environment."""

import os
import sys

import orjson
import uvicorn
from sqlalchemy.ext.asyncio import create_async_engine

from bench.crud_peer.app import create_app


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def main() -> None:
    """Serve until told to stop."""
    port, pool_size = int(sys.argv[1]), int(sys.argv[2])
    engine = create_async_engine(
        os.environ["PEER_DATABASE_URL"],
        pool_size=pool_size,
        max_overflow=0,
        json_serializer=_json,
        json_deserializer=orjson.loads,
    )
    uvicorn.run(
        create_app(engine),
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
