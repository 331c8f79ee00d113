"""A bucket on loopback that speaks as much of S3 as packages need: objects, lists, and uploads in parts."""

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, unescape

from aiohttp import web

BUCKET = "packages"


@dataclass
class S3Service:
    """What it holds, by key."""

    port: int = 0
    objects: dict[str, bytes] = field(default_factory=dict)
    #: upload id -> number -> part
    parts: dict[str, dict[int, bytes]] = field(default_factory=dict)
    #: answers every request with this status, where not 0
    refuses: int = 0
    #: requests that were signed, and all
    signed: int = 0
    asked: int = 0

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}", "AWS_REGION": "cn-north-4",
            "AWS_ACCESS_KEY_ID": "AKEXAMPLE", "AWS_SECRET_ACCESS_KEY": "hidden-secret-key",
        }  # fmt: skip

    async def handle(self, request: web.Request) -> web.Response:
        self.asked += 1
        self.signed += request.headers.get("Authorization", "").startswith("AWS4-HMAC-SHA256 ")
        if self.refuses:
            return web.Response(status=self.refuses, text="<Error><Code>AccessDenied</Code></Error>")
        bucket, _, key = request.path.lstrip("/").partition("/")
        if bucket != BUCKET:
            return web.Response(status=404, text="<Error><Code>NoSuchBucket</Code></Error>")
        body = await request.read()
        match request.method:
            case "GET" if not key:
                return self._listed(request.query.get("prefix", ""))
            case "POST" if "delete" in request.query:
                gone = [unescape(each) for each in re.findall("<Key>(.*?)</Key>", body.decode())]
                for each in gone:
                    self.objects.pop(each, None)
                told = "".join(f"<Deleted><Key>{escape(each)}</Key></Deleted>" for each in gone)
                return _xml(f"<DeleteResult>{told}</DeleteResult>")
            case "POST" if "uploads" in request.query:
                self.parts["u1"] = {}
                return _xml("<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>")
            case "PUT" if "partNumber" in request.query:
                self.parts["u1"][int(request.query["partNumber"])] = body
                return web.Response(headers={"ETag": '"e"'})
            case "POST":
                self.objects[key] = b"".join(part for _, part in sorted(self.parts.pop("u1").items()))
                return _xml('<CompleteMultipartUploadResult><ETag>"e"</ETag></CompleteMultipartUploadResult>')
            case "PUT":
                self.objects[key] = body
                return web.Response(headers={"ETag": '"e"'})
            case _ if key in self.objects:
                stamp = {"ETag": '"e"', "Last-Modified": "Sat, 01 Jan 2028 00:00:00 GMT"}
                return web.Response(body=self.objects[key], headers=stamp)
            case _:
                return web.Response(status=404, text="<Error><Code>NoSuchKey</Code></Error>")

    def _listed(self, prefix: str) -> web.Response:
        each = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(content)}</Size><ETag>e</ETag>"
            "<LastModified>2028-01-01T00:00:00.000Z</LastModified></Contents>"
            for key, content in sorted(self.objects.items())
            if key.startswith(prefix)
        )
        return _xml(f"<ListBucketResult><IsTruncated>false</IsTruncated>{each}</ListBucketResult>")


def _xml(text: str) -> web.Response:
    return web.Response(text=f'<?xml version="1.0"?>{text}', content_type="application/xml")


@contextmanager
def s3_service() -> Iterator[S3Service]:
    service, loop, ready = S3Service(), asyncio.new_event_loop(), threading.Event()
    stop = asyncio.Event()

    async def serve() -> None:
        app = web.Application(client_max_size=1 << 30)
        app.router.add_route("*", "/{path:.*}", service.handle)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        service.port = runner.addresses[0][1]
        ready.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    ready.wait(30)
    try:
        yield service
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        loop.close()
