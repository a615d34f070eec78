namespace CsiLocal.Grpc;

/// <summary>How a channel connects and what it accepts.</summary>
internal sealed record GrpcChannelOptions
{
    /// <summary>
    /// The transport, for instance one with client certificates; null makes one that fits the address. Not disposed with the channel.
    /// </summary>
    public HttpMessageHandler? HttpHandler { get; init; }

    /// <summary>Longest response message accepted, in bytes.</summary>
    public int MaxReceiveMessageBytes { get; init; } = GrpcProtocol.DefaultMaxMessageBytes;

    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
