using System.Net.Sockets;
using System.Text;

namespace CsiLocal.Grpc;

/// <summary>
/// An address to call: <c>unix:///path</c> (also <c>unix:/path</c> and the bare path), <c>http://host:port</c> or <c>https://host:port</c>.
/// </summary>
internal sealed record GrpcEndpoint
{
    /// <summary>Size of <c>sun_path</c> without its closing zero, unix(7).</summary>
    private const int LongestSocketPathBytes = 107;

    private GrpcEndpoint(string name, Uri baseAddress, string? socketPath)
    {
        Name = name;
        BaseAddress = baseAddress;
        SocketPath = socketPath;
    }

    /// <summary>The address as a person writes it.</summary>
    public string Name { get; }

    /// <summary>For a Unix socket <c>http://localhost</c>: the authority must be a host name, which a path is not.</summary>
    public Uri BaseAddress { get; }

    public string? SocketPath { get; }

    /// <exception cref="FormatException">The text is no address of these kinds.</exception>
    public static GrpcEndpoint Parse(string text)
    {
        if (TryGetSocketPath(text, out var path))
        {
            if (Encoding.UTF8.GetByteCount(path) > LongestSocketPathBytes)
                throw new FormatException(
                    $"the socket path '{path}' is longer than {LongestSocketPathBytes} bytes, the most a Unix socket can have");
            return new GrpcEndpoint($"unix://{path}", new Uri("http://localhost/"), path);
        }

        if (Uri.TryCreate(text, UriKind.Absolute, out var uri)
            && (uri.Scheme == Uri.UriSchemeHttp || uri.Scheme == Uri.UriSchemeHttps)
            && uri.PathAndQuery == "/")
            return new GrpcEndpoint(text.TrimEnd('/'), uri, null);

        throw new FormatException($"'{text}' is not an endpoint: unix:///path/to.sock, http://host:port or https://host:port");
    }

    private static bool TryGetSocketPath(string text, out string path)
    {
        var rest = text.StartsWith("unix:", StringComparison.Ordinal) ? text["unix:".Length..] : text;
        // unix:///path has an empty host between the slashes; with any other host it is no path.
        path = rest.StartsWith("///", StringComparison.Ordinal) ? rest[2..] : rest;
        return path.Length > 1 && path[0] == '/' && path[1] != '/';
    }

    /// <summary>Opens the Unix socket.</summary>
    public async ValueTask<Stream> ConnectSocketAsync(CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath!), cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Why a connection could not be made, in a sentence with a remedy.</summary>
    public string DescribeConnectFailure(Exception exception)
    {
        var error = (exception as SocketException ?? exception.InnerException as SocketException)?.SocketErrorCode;
        var reason = error switch
        {
            // A missing socket file comes back as "address not available"; the file system knows better.
            _ when SocketPath is not null && !Path.Exists(SocketPath) => "no such file; is the daemon running?",
            SocketError.ConnectionRefused => "connection refused; is the daemon running?",
            SocketError.AccessDenied => "permission denied; are you root?",
            _ => exception.InnerException?.Message ?? exception.Message,
        };
        return $"cannot connect to {Name}: {reason}";
    }
}
