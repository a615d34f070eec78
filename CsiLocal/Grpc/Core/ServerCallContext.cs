namespace Grpc.Core;

/// <summary>What a handler may know of the call it answers.</summary>
internal abstract class ServerCallContext
{
    /// <summary>The full name: <c>/package.Service/Method</c>.</summary>
    public string Method => MethodCore;

    /// <summary>The <c>:authority</c> the client sent.</summary>
    public string Host => HostCore;

    /// <summary>Who calls: <c>unix:pid=1,uid=0,gid=0,program=kubelet</c>, <c>unix:</c>, <c>ipv4:10.0.0.1:2345</c> or <c>ipv6:[::1]:2345</c>.</summary>
    public string Peer => PeerCore;

    /// <summary>When the client stops waiting, in UTC; <see cref="DateTime.MaxValue"/> where it set no deadline.</summary>
    public DateTime Deadline => DeadlineCore;

    public Metadata RequestHeaders => RequestHeadersCore;

    /// <summary>Cancelled when the client is gone or the deadline has passed.</summary>
    public CancellationToken CancellationToken => CancellationTokenCore;

    /// <summary>Sent after the last message, together with the status.</summary>
    public Metadata ResponseTrailers => ResponseTrailersCore;

    /// <summary>The outcome a handler that returns normally reports; OK unless set.</summary>
    public Status Status
    {
        get => StatusCore;
        set => StatusCore = value;
    }

    /// <summary>Free for interceptors and handlers; lives as long as the call.</summary>
    public IDictionary<object, object> UserState => UserStateCore;

    public Task WriteResponseHeadersAsync(Metadata responseHeaders) => WriteResponseHeadersAsyncCore(responseHeaders);

    protected abstract string MethodCore { get; }

    protected abstract string HostCore { get; }

    protected abstract string PeerCore { get; }

    protected abstract DateTime DeadlineCore { get; }

    protected abstract Metadata RequestHeadersCore { get; }

    protected abstract CancellationToken CancellationTokenCore { get; }

    protected abstract Metadata ResponseTrailersCore { get; }

    protected abstract Status StatusCore { get; set; }

    protected virtual IDictionary<object, object> UserStateCore => field ??= new Dictionary<object, object>();

    protected abstract Task WriteResponseHeadersAsyncCore(Metadata responseHeaders);
}
