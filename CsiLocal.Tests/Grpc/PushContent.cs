using System.Net;

namespace CsiLocal.Tests.Grpc;

/// <summary>A request body written by the test, piece by piece.</summary>
internal sealed class PushContent(Func<Stream, CancellationToken, Task> write) : HttpContent
{
    /// <summary>Sends these bytes and then nothing more, without ending the body.</summary>
    public static PushContent StalledAfter(byte[] bytes) => new(async (stream, cancellationToken) =>
    {
        await stream.WriteAsync(bytes, cancellationToken);
        await stream.FlushAsync(cancellationToken);
        await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
    });

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => write(stream, CancellationToken.None);

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken) =>
        write(stream, cancellationToken);

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}
