using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Http.Headers;
using Grpc.Core;

namespace CsiLocal.Grpc;

/// <summary>One call of a client, from the request to the status. Also the reader of its response stream: one read at a time.</summary>
internal sealed class HttpClientCall<TRequest, TResponse> : IAsyncStreamReader<TResponse>, IDisposable
    where TRequest : class
    where TResponse : class
{
    private static readonly MediaTypeHeaderValue s_contentType = new(GrpcProtocol.ContentType);

    private readonly Method<TRequest, TResponse> _method;
    private readonly GrpcEndpoint _endpoint;
    private readonly GrpcChannelOptions _channelOptions;
    private readonly CallOptions _options;
    /// <summary>Never disposed: it holds no timer and no wait handle, and a caller's token may cancel it at any moment.</summary>
    private readonly CancellationTokenSource _cancellation = new();
    private readonly CancellationTokenSource? _deadline;
    private readonly CancellationTokenRegistration _deadlineRegistration;
    private readonly CancellationTokenRegistration _callerRegistration;
    private Task<HttpResponseMessage> _response = null!;
    private HttpResponseMessage? _received;
    private bool _isReleased;
    private PipeReader? _body;
    private FrameReader? _frames;
    private TResponse? _current;
    private Status? _status;
    private Metadata _trailers = [];

    public HttpClientCall(Method<TRequest, TResponse> method, GrpcEndpoint endpoint, GrpcChannelOptions channelOptions, CallOptions options)
    {
        _method = method;
        _endpoint = endpoint;
        _channelOptions = channelOptions;
        _options = options;
        if (TimeLeft() is { } left && left < TimeSpan.FromDays(49))
            _deadline = new CancellationTokenSource(left, channelOptions.TimeProvider);
        _deadlineRegistration = Link(_deadline?.Token ?? CancellationToken.None);
        _callerRegistration = Link(options.CancellationToken);
    }

    public TResponse Current => _current ?? throw new InvalidOperationException("there is no message: MoveNext comes first");

    public Task<Metadata> ResponseHeadersAsync => field ??= ReadHeadersAsync();

    public void Send(HttpMessageInvoker http, Uri address, TRequest request)
    {
        var buffer = new ArrayBufferWriter<byte>();
        FrameWriter.Write(buffer, _method.RequestMarshaller, request);
        var message = new HttpRequestMessage(HttpMethod.Post, address)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ReadOnlyMemoryContent(buffer.WrittenMemory),
        };
        message.Content.Headers.ContentType = s_contentType;
        message.Headers.TryAddWithoutValidation("te", "trailers");
        if (TimeLeft() is { } left)
            message.Headers.TryAddWithoutValidation(GrpcProtocol.TimeoutHeader, GrpcTimeout.Format(left));
        foreach (var entry in _options.Headers ?? [])
            message.Headers.TryAddWithoutValidation(entry.Key, MetadataCodec.Encode(entry));
        _response = SendAsync(http, message);
    }

    public async Task<TResponse> ReadUnaryAsync()
    {
        if (!await MoveNext(CancellationToken.None))
            throw Fail(new Status(StatusCode.Internal, $"{_method.FullName} ended with the status OK but without a response"));
        var response = Current;
        if (await MoveNext(CancellationToken.None))
            throw Fail(new Status(StatusCode.Internal, $"{_method.FullName} sent more than one response"));
        return response;
    }

    public async Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        if (_status is { } ended)
            return ended.StatusCode == StatusCode.OK ? false : throw Fail(ended);

        using var registration = Link(cancellationToken);
        try
        {
            var response = await _response;
            _frames ??= OpenBody(response, await response.Content.ReadAsStreamAsync(_cancellation.Token));
            _current = await _frames.ReadAsync(_method.ResponseMarshaller, _cancellation.Token);
            if (_current is not null)
                return true;
            End(response);
        }
        catch (RpcException e)
        {
            throw Fail(e.Status, e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException or ObjectDisposedException)
        {
            throw Fail(DescribeTransportFailure(e, cancellationToken), e);
        }
        return _status!.Value.StatusCode == StatusCode.OK ? false : throw Fail(_status.Value);
    }

    public Status GetStatus() => _status ?? throw new InvalidOperationException("the call has not ended yet");

    public Metadata GetTrailers() => _status is null ? throw new InvalidOperationException("the call has not ended yet") : _trailers;

    /// <summary>Gives up what has not finished and lets go of the stream.</summary>
    public void Dispose()
    {
        Release();
    }

    private async Task<HttpResponseMessage> SendAsync(HttpMessageInvoker http, HttpRequestMessage message)
    {
        _cancellation.Token.ThrowIfCancellationRequested();
        var response = await http.SendAsync(message, _cancellation.Token);
        _received = response;
        // Either this sees the flag, or Release sees the response.
        Interlocked.MemoryBarrier();
        if (_isReleased)
            response.Dispose();
        return response;
    }

    private async Task<Metadata> ReadHeadersAsync()
    {
        try
        {
            return ReadMetadata((await _response).Headers.NonValidated);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            throw new RpcException(DescribeTransportFailure(e, CancellationToken.None));
        }
    }

    /// <exception cref="RpcException">The answer is not gRPC.</exception>
    private FrameReader OpenBody(HttpResponseMessage response, Stream body)
    {
        if (response.StatusCode != HttpStatusCode.OK)
        {
            var code = GrpcProtocol.FromHttpStatus((int)response.StatusCode);
            throw new RpcException(new Status(code, $"{_endpoint.Name} answered with HTTP status {(int)response.StatusCode}"));
        }
        var contentType = response.Content.Headers.NonValidated.TryGetValues("content-type", out var values) ? values.ToString() : null;
        if (!GrpcProtocol.IsGrpcContentType(contentType))
        {
            var detail = $"{_endpoint.Name} answered with the content type '{contentType}', which is not gRPC";
            throw new RpcException(new Status(StatusCode.Unknown, detail));
        }

        var encoding = response.Headers.NonValidated.TryGetValues(GrpcProtocol.EncodingHeader, out var named) ? named.ToString() : null;
        _body = PipeReader.Create(body);
        return new FrameReader(_body, _channelOptions.MaxReceiveMessageBytes, "response", encoding);
    }

    private void End(HttpResponseMessage response)
    {
        var headers = response.TrailingHeaders.NonValidated;
        if (!headers.Contains(GrpcProtocol.StatusHeader))
            headers = response.Headers.NonValidated;
        if (!headers.TryGetValues(GrpcProtocol.StatusHeader, out var status))
            throw new RpcException(new Status(StatusCode.Internal, $"{_endpoint.Name} ended {_method.FullName} without a status"));

        var detail = headers.TryGetValues(GrpcProtocol.MessageHeader, out var text) ? GrpcMessageText.Decode(text.ToString()) : "";
        _trailers = ReadMetadata(headers);
        _status = new Status(GrpcProtocol.ParseStatus(status.ToString()), detail);
        _body?.Complete();
        Release();
    }

    /// <summary>Ends the call with that status, unless it has one already.</summary>
    private RpcException Fail(Status status, Exception? cause = null)
    {
        var ended = _status is { StatusCode: not StatusCode.OK } first ? first : status;
        _status = ended;
        Release();
        return cause is RpcException same && same.Status == ended ? same : new RpcException(ended, _trailers);
    }

    private Status DescribeTransportFailure(Exception exception, CancellationToken readToken)
    {
        if (_options.CancellationToken.IsCancellationRequested || readToken.IsCancellationRequested)
            return new Status(StatusCode.Cancelled, "the call was cancelled");
        if (_deadline is { IsCancellationRequested: true })
            return new Status(StatusCode.DeadlineExceeded, $"{_endpoint.Name} did not finish {_method.FullName} before the deadline");
        if (exception is OperationCanceledException or ObjectDisposedException)
            return new Status(StatusCode.Cancelled, "the call was disposed of");
        if (exception is HttpRequestException { HttpRequestError: var error } && IsConnectFailure(error))
            return new Status(StatusCode.Unavailable, _endpoint.DescribeConnectFailure(exception));

        var protocol = exception as HttpProtocolException ?? exception.InnerException as HttpProtocolException;
        var (endpoint, method) = (_endpoint.Name, _method.FullName);
        return protocol is not null
            ? new Status(GrpcProtocol.FromHttp2Error(protocol.ErrorCode), $"{endpoint} broke off {method}: {protocol.Message}")
            : new Status(StatusCode.Unavailable, $"lost the connection to {endpoint} during {method}: {exception.Message}");
    }

    private static bool IsConnectFailure(HttpRequestError error) =>
        error is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError;

    private TimeSpan? TimeLeft()
    {
        if (_options.Deadline is not { } deadline)
            return null;
        var left = deadline.ToUniversalTime() - _channelOptions.TimeProvider.GetUtcNow().UtcDateTime;
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    /// <summary>Ends whatever is still under way and lets go of the stream. Any number of times, from any thread.</summary>
    private void Release()
    {
        if (Interlocked.Exchange(ref _isReleased, true))
            return;
        _callerRegistration.Unregister();
        _deadlineRegistration.Unregister();
        _cancellation.Cancel();
        _received?.Dispose();
        _deadline?.Dispose();
    }

    private CancellationTokenRegistration Link(CancellationToken cancellationToken) =>
        cancellationToken.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), _cancellation);

    private static Metadata ReadMetadata(HttpHeadersNonValidated headers)
    {
        var metadata = new Metadata();
        foreach (var (key, values) in headers)
        {
            foreach (var value in values)
                MetadataCodec.AddReceived(metadata, key, value);
        }
        return metadata;
    }
}
