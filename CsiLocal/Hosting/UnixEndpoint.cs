using System.Net.Sockets;
using CsiLocal.Native;
using CsiLocal.Volumes;

namespace CsiLocal.Hosting;

/// <summary>The daemon's Unix socket: a stale one is removed, a live one is never taken from its owner.</summary>
internal static class UnixEndpoint
{
    /// <summary>Makes the folder (0700 where it is new) and clears the way for binding.</summary>
    /// <exception cref="StorageException">InvalidArgument: the path cannot be a socket; Unavailable: another daemon serves there.</exception>
    public static async Task PrepareAsync(string path, CancellationToken cancellationToken)
    {
        var folder = Path.GetDirectoryName(path)!;
        if (!Directory.Exists(folder))
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

        if (!File.Exists(path))
            return;

        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused && FileStatus.Find(path) is not { IsRegular: true })
        {
            // Nobody listens: the socket of a daemon that was killed.
            File.Delete(path);
            return;
        }
        catch (SocketException e)
        {
            throw new StorageException(
                StorageError.InvalidArgument, $"endpoint {path}: it is there and is no socket ({e.SocketErrorCode})", "remove it, or use another path", e);
        }

        throw new StorageException(StorageError.Unavailable, $"endpoint {path}: another daemon serves there", "stop it, or use another endpoint");
    }

    /// <summary>Only root may call the driver.</summary>
    public static void Restrict(string path) => File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
}
