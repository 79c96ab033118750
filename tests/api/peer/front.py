"""Serves the master's paths of a process whose root paths are its agent's: puts `/master` before them."""
import asyncio, sys

FRONT, BACK = int(sys.argv[1]), int(sys.argv[2])
# Of the process, not of one actor in it.
SHARED = ("/master", "/version", "/metrics", "/files", "/help", "/logging", "/profiler", "/system", "/__processes__", "/registrar")


async def pump(source, sink):
    try:
        while piece := await source.read(1 << 16):
            sink.write(piece)
            await sink.drain()
    except OSError:
        pass
    finally:
        sink.close()


def length_of(fields):
    for line in fields.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":", 1)[1])
    return 0


async def copy_chunks(reader, back):
    while True:
        head = await reader.readuntil(b"\r\n")
        size = int(head.split(b";")[0], 16)
        back.write(head + await reader.readexactly(size + 2))
        await back.drain()
        if not size:
            return


async def serve(reader, writer):
    try:
        answers, back = await asyncio.open_connection("127.0.0.1", BACK, limit=1 << 20)
    except OSError:
        return writer.close()
    pumping = asyncio.create_task(pump(answers, writer))
    try:
        while True:
            line, fields = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n", 1)
            method, path, version = line.split(b" ", 2)
            if path in (b"/redirect", b"/master/redirect"):
                # It would name the port behind this front.
                writer.write(b"HTTP/1.1 307 Temporary Redirect\r\nDate: now\r\nLocation: //localhost:%d\r\nContent-Length: 0\r\n\r\n" % FRONT)
                await writer.drain()
                continue
            if not path.decode("latin1").startswith(SHARED):
                path = b"/master" + path.rstrip(b"/") if path == b"/" else b"/master" + path
            back.write(b" ".join((method, path, version)) + b"\r\n" + fields)
            if b"transfer-encoding: chunked" in fields.lower():
                await copy_chunks(reader, back)
            else:
                left = length_of(fields)
                while left and (piece := await reader.read(min(left, 1 << 16))):
                    back.write(piece)
                    await back.drain()
                    left -= len(piece)
            await back.drain()
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, OSError):
        pass
    # The client has gone, and a subscriber's end must be seen behind the front as well.
    back.close()
    pumping.cancel()
    writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", FRONT, limit=1 << 20)
    async with server:
        await server.serve_forever()


asyncio.run(main())
