using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace CsiLocal.Grpc;

/// <summary>
/// One call on its HTTP/2 stream. Two may end it: the handler, by returning, and the deadline, by passing; the first one sends the status.
/// Valid until the handler returns.
/// </summary>
internal sealed class HttpServerCallContext(HttpContext http, string method, GrpcServerOptions options) : ServerCallContext, IDisposable
{
    public static readonly Status DeadlineStatus = new(StatusCode.DeadlineExceeded, "the deadline has passed");

    /// <summary>Longest wait a timer takes; a deadline beyond it is as good as none.</summary>
    private static readonly TimeSpan s_longestTimer = TimeSpan.FromDays(49);

    private readonly Lock _gate = new();
    private CancellationTokenSource? _deadlineSource;
    private CancellationTokenRegistration _abortRegistration;
    private ITimer? _deadlineTimer;
    private Task _deadlineReply = Task.CompletedTask;
    private DateTime _deadline = DateTime.MaxValue;
    private bool _isEnded;
    private bool _isWriting;
    private bool _hasBody;
    private Metadata? _requestHeaders;
    private Metadata? _responseTrailers;

    protected override string MethodCore => method;

    protected override string HostCore => http.Request.Host.Value ?? "";

    protected override string PeerCore => field ??= PeerName.Of(http);

    protected override DateTime DeadlineCore => _deadline;

    protected override CancellationToken CancellationTokenCore => _deadlineSource?.Token ?? http.RequestAborted;

    protected override Metadata ResponseTrailersCore => _responseTrailers ??= [];

    protected override Status StatusCore { get; set; } = Status.DefaultSuccess;

    protected override Metadata RequestHeadersCore => _requestHeaders ??= ReadRequestHeaders();

    /// <summary>Sets the limits of the call and starts its clock.</summary>
    public void Start(TimeSpan? timeout)
    {
        // Both are ours to keep: the size is checked per message, the time per request. Kestrel's answer to a slow sender would be to
        // cut the whole connection, with the other calls on it.
        if (http.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
            rate.MinDataRate = null;
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            size.MaxRequestBodySize = null;

        if (timeout is not { } wait)
            return;
        var now = options.TimeProvider.GetUtcNow().UtcDateTime;
        _deadline = wait < DateTime.MaxValue - now ? now + wait : DateTime.MaxValue;
        if (wait > s_longestTimer)
            return;

        _deadlineSource = new CancellationTokenSource();
        _abortRegistration = CancelWith(_deadlineSource, http.RequestAborted);
        _deadlineTimer = options.TimeProvider.CreateTimer(
            static call => ((HttpServerCallContext)call!).OnDeadline(), this, wait, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Reads the one request message and the end of the body.</summary>
    /// <exception cref="RpcException">
    /// DEADLINE_EXCEEDED: too slow. CANCELLED: the client gave up. Else as <see cref="FrameReader.ReadAsync"/>.
    /// </exception>
    public async ValueTask<T> ReadRequestAsync<T>(Marshaller<T> marshaller)
        where T : class
    {
        var encoding = http.Request.Headers.TryGetValue(GrpcProtocol.EncodingHeader, out var named) ? named.ToString() : null;
        var reader = new FrameReader(http.Request.BodyReader, options.MaxReceiveMessageBytes, "request", encoding);
        using var patience = new CancellationTokenSource(options.RequestTimeout, options.TimeProvider);
        using var registration = CancelWith(patience, CancellationToken);
        try
        {
            var request = await reader.ReadAsync(marshaller, patience.Token)
                ?? throw new RpcException(new Status(StatusCode.Internal, "the request holds no message"));
            await reader.ReadEndAsync(patience.Token);
            return request;
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            var isTooSlow = patience.IsCancellationRequested && !CancellationToken.IsCancellationRequested;
            var seconds = options.RequestTimeout.TotalSeconds;
            throw new RpcException(isTooSlow
                ? new Status(StatusCode.DeadlineExceeded, $"the request did not arrive within {seconds:0.###} s")
                : new Status(StatusCode.Cancelled, "the client gave up while sending the request"));
        }
    }

    /// <summary>Puts the response into the send buffer; it leaves together with the status.</summary>
    public void WriteUnaryResponse<T>(Marshaller<T> marshaller, T message)
    {
        lock (_gate)
        {
            if (!_isEnded)
                WriteFrame(marshaller, message);
        }
    }

    public async Task WriteStreamedAsync<T>(Marshaller<T> marshaller, T message, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            cancellationToken.ThrowIfCancellationRequested();
            CancellationToken.ThrowIfCancellationRequested();
            if (_isEnded)
                throw new OperationCanceledException("the call has ended", CancellationToken);
            if (_isWriting)
                throw new InvalidOperationException("a message is still being written; await each write before the next");
            _isWriting = true;
            WriteFrame(marshaller, message);
        }
        try
        {
            await FlushAsync(cancellationToken);
        }
        finally
        {
            lock (_gate)
                _isWriting = false;
        }
    }

    /// <summary>Sends the status, unless the deadline has done so, and waits until nothing uses the stream any more.</summary>
    public async Task EndAsync(Status status)
    {
        bool isFirst;
        lock (_gate)
        {
            isFirst = !_isEnded;
            _isEnded = true;
        }
        if (isFirst)
            SetStatus(status, _responseTrailers);
        await _deadlineReply;
        await _abortRegistration.DisposeAsync();
    }

    /// <summary>After <see cref="EndAsync"/>: nothing cancels or replies any more.</summary>
    public void Dispose()
    {
        _deadlineTimer?.Dispose();
        _deadlineSource?.Dispose();
    }

    protected override Task WriteResponseHeadersAsyncCore(Metadata responseHeaders)
    {
        lock (_gate)
        {
            if (_isEnded)
                return Task.CompletedTask;
            SetResponseHead();
            foreach (var entry in responseHeaders)
                http.Response.Headers.Append(entry.Key, MetadataCodec.Encode(entry));
            return http.Response.StartAsync(CancellationToken);
        }
    }

    private void WriteFrame<T>(Marshaller<T> marshaller, T message)
    {
        if (message is null)
            throw new InvalidOperationException($"the handler of {method} returned no message");
        SetResponseHead();
        _hasBody = true;
        try
        {
            FrameWriter.Write(http.Response.BodyWriter, marshaller, message);
        }
        catch
        {
            // Half a frame is in the buffer: only a reset keeps it from being read as a message.
            http.Features.Get<IHttpResetFeature>()?.Reset(GrpcProtocol.Http2InternalError);
            throw;
        }
    }

    private async Task FlushAsync(CancellationToken cancellationToken)
    {
        var callToken = CancellationToken;
        if (!cancellationToken.CanBeCanceled)
        {
            await http.Response.BodyWriter.FlushAsync(callToken);
            return;
        }
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, callToken);
        await http.Response.BodyWriter.FlushAsync(either.Token);
    }

    private void OnDeadline()
    {
        lock (_gate)
        {
            if (_isEnded)
                return;
            _isEnded = true;
            _deadlineReply = ReplyDeadlineAsync(_isWriting);
        }
    }

    private async Task ReplyDeadlineAsync(bool isWriting)
    {
        // Out of the lock and off the timer's thread.
        await Task.Yield();
        // Cancelling runs the handler's callbacks; the client does not wait for them.
        var cancelled = _deadlineSource!.CancelAsync();
        if (isWriting)
        {
            // The client does not take what is being sent, so it would not get a status behind it either.
            http.Features.Get<IHttpResetFeature>()?.Reset(GrpcProtocol.Http2Cancel);
        }
        else
        {
            // Without the trailers: the handler may still be adding to them.
            SetStatus(DeadlineStatus, trailers: null);
            await http.Response.CompleteAsync();
        }
        await cancelled;
    }

    private void SetResponseHead()
    {
        if (!http.Response.HasStarted)
            http.Response.ContentType = GrpcProtocol.ContentType;
    }

    /// <summary>The status goes into the trailers, or, where nothing was sent yet, into the headers of an answer without a body.</summary>
    private void SetStatus(Status status, Metadata? trailers)
    {
        SetResponseHead();
        var isTrailersOnly = !_hasBody && !http.Response.HasStarted && status.StatusCode != StatusCode.OK;
        var target = isTrailersOnly ? http.Response.Headers : http.Features.GetRequiredFeature<IHttpResponseTrailersFeature>().Trailers;
        target[GrpcProtocol.StatusHeader] = GrpcProtocol.StatusText(status.StatusCode);
        if (status.Detail.Length > 0)
            target[GrpcProtocol.MessageHeader] = GrpcMessageText.Encode(status.Detail);
        foreach (var entry in trailers ?? [])
            target.Append(entry.Key, MetadataCodec.Encode(entry));
    }

    private static CancellationTokenRegistration CancelWith(CancellationTokenSource source, CancellationToken cancellationToken) =>
        cancellationToken.UnsafeRegister(static linked => ((CancellationTokenSource)linked!).Cancel(), source);

    private Metadata ReadRequestHeaders()
    {
        var metadata = new Metadata();
        foreach (var (key, values) in http.Request.Headers)
        {
            foreach (var value in values)
                MetadataCodec.AddReceived(metadata, key, value);
        }
        return metadata;
    }
}
