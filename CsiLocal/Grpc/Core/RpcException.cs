namespace Grpc.Core;

/// <summary>A call that ended with a status other than OK: thrown by handlers to choose it, and by clients to report it.</summary>
internal sealed class RpcException(Status status, Metadata trailers, string message) : Exception(message)
{
    public RpcException(Status status) : this(status, new Metadata(), status.ToString())
    {
    }

    public RpcException(Status status, string message) : this(status, new Metadata(), message)
    {
    }

    public RpcException(Status status, Metadata trailers) : this(status, trailers, status.ToString())
    {
    }

    public Status Status { get; } = status;

    public StatusCode StatusCode => Status.StatusCode;

    public Metadata Trailers { get; } = trailers;
}
