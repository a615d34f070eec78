namespace CsiLocal.Grpc;

/// <summary>Limits of the gRPC server.</summary>
internal sealed record GrpcServerOptions
{
    /// <summary>Longest request message accepted, in bytes.</summary>
    public int MaxReceiveMessageBytes { get; init; } = GrpcProtocol.DefaultMaxMessageBytes;

    /// <summary>How long a client may take to send its whole request.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(30);

    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
