"""The HTML that the server, and the proxy before it, answer with."""

REDIRECT = """<!DOCTYPE html>
<html>
    <head>
        <meta charset="UTF-8" />
        <meta http-equiv="refresh" content="0;url='{url}'" />

        <title>Redirecting to {url}</title>
    </head>
    <body>
        Redirecting to <a href="{url}">{url}</a>.
    </body>
</html>"""

PROXY = (
    "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
    "<center><h1>{title}</h1></center>\r\n"
    "<hr><center>nginx/1.22.1</center>\r\n</body>\r\n</html>\r\n"
)


def redirect(url: str) -> str:
    """The body of a redirect."""
    return REDIRECT.format(url=url)


def proxy(title: str) -> str:
    """The reverse proxy's own error page, such as "502 Bad Gateway"."""
    return PROXY.format(title=title)


def plain(title: str) -> str:
    """Stands for one of the server's long pages, of which only that it is HTML matters."""
    return f'<!DOCTYPE html>\n<html lang="en">\n<head><title>{title}</title></head>\n</html>\n'
