using System.Net;
using System.Net.Sockets;
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

    public static string Of(HttpContext http)
    {
        if (http.Connection.RemoteIpAddress is { } address)
        {
            var family = address.AddressFamily == AddressFamily.InterNetworkV6 ? "ipv6" : "ipv4";
            return $"{family}:{new IPEndPoint(address, http.Connection.RemotePort)}";
        }

        var socket = http.Features.Get<IConnectionSocketFeature>()?.Socket;
        return socket?.AddressFamily == AddressFamily.Unix ? OfUnixSocket(socket) : "unknown";
    }

    private static string OfUnixSocket(Socket socket)
    {
        try
        {
            var credentials = default(UnixCredentials);
            var bytes = MemoryMarshal.AsBytes(new Span<UnixCredentials>(ref credentials));
            socket.GetRawSocketOption(SolSocket, SoPeerCred, bytes);
            return $"unix:pid={credentials.ProcessId},uid={credentials.UserId}";
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The client has gone; its name is no longer to be had.
            return "unix:";
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
