using Grpc.Core;

namespace CsiLocal.Tests.Support;

/// <summary>Puts the test's cancellation token into every call, so that a test that hangs ends at its timeout.</summary>
internal sealed class TestCallInvoker(CallInvoker inner, CancellationToken cancellationToken) : CallInvoker
{
    public override TResponse BlockingUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
        inner.BlockingUnaryCall(method, host, With(options), request);

    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
        inner.AsyncUnaryCall(method, host, With(options), request);

    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
        inner.AsyncServerStreamingCall(method, host, With(options), request);

    private CallOptions With(CallOptions options) =>
        options.CancellationToken.CanBeCanceled ? options : options with { CancellationToken = cancellationToken };
}
