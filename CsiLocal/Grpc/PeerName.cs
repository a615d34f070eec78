using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;

namespace CsiLocal.Grpc;

/// <summary>Who is at the other end of a connection.</summary>
internal static class PeerName
{
    // asm-generic/socket.h; the same on x86-64 and arm64.
    private const int SolSocket = 1;
    private const int SoPeerCred = 17;

    // The items that Kestrel keeps with a connection are not for the calls that run on it at the same time.
    private static readonly ConditionalWeakTable<Socket, string> s_names = [];

    public static string Of(HttpContext http)
    {
        if (http.Connection.RemoteIpAddress is { } address)
        {
            var family = address.AddressFamily == AddressFamily.InterNetworkV6 ? "ipv6" : "ipv4";
            return $"{family}:{new IPEndPoint(address, http.Connection.RemotePort)}";
        }

        var socket = http.Features.Get<IConnectionSocketFeature>()?.Socket;
        if (socket?.AddressFamily != AddressFamily.Unix)
            return "unknown";

        // Once for each connection: by the next call its process may have ended, and the number belong to another.
        return s_names.GetValue(socket, OfUnixSocket);
    }

    private static string OfUnixSocket(Socket socket)
    {
        try
        {
            var credentials = default(UnixCredentials);
            var bytes = MemoryMarshal.AsBytes(new Span<UnixCredentials>(ref credentials));
            socket.GetRawSocketOption(SolSocket, SoPeerCred, bytes);
            var name = $"unix:pid={credentials.ProcessId},uid={credentials.UserId},gid={credentials.GroupId}";
            return ProgramOf(credentials.ProcessId) is { } program ? $"{name},program={program}" : name;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The client has gone; its name is no longer to be had.
            return "unix:";
        }
    }

    /// <summary>For people: what the process calls itself, which proves nothing. Null where it is out of sight, in another container.</summary>
    private static string? ProgramOf(int processId)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{processId}/comm").TrimEnd('\n');
            return string.Create(text.Length, text, static (span, source) =>
            {
                for (var i = 0; i < span.Length; i++)
                    span[i] = char.IsAsciiLetterOrDigit(source[i]) || source[i] is '.' or '-' or '_' ? source[i] : '?';
            });
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>struct ucred, unix(7).</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct UnixCredentials
    {
        public int ProcessId;
        public uint UserId;
        public uint GroupId;
    }
}
