using Csi.V1;
using CsiLocal.Grpc;
using Grpc.Core;
using Xunit;

namespace CsiLocal.Tests.Grpc;

public sealed class GrpcInterceptorTests : GrpcTest
{
    private readonly List<string> _events = [];

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task First_interceptor_is_the_outermost()
    {
        IdentityService.OnProbe = (_, _) =>
        {
            _events.Add("handler");
            return Task.FromResult(new ProbeResponse { Ready = true });
        };
        await using var server = await StartAsync(new GrpcServerOptions(), new Recorder("outer", _events), new Recorder("inner", _events));

        await AssertAnswersAsync(server);

        Assert.Equal([$"outer {ProbePath}", $"inner {ProbePath}", "handler", "inner done", "outer done"], _events);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Interceptor_turns_an_exception_into_a_status()
    {
        IdentityService.OnProbe = (_, _) => throw new FileNotFoundException("no such volume");
        await using var server = await StartAsync(new GrpcServerOptions(), new Translator());

        var failure = await AssertFailsAsync(StatusCode.NotFound, () => ProbeAsync(server));

        Assert.Equal("no such volume", failure.Status.Detail);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Interceptor_stands_around_streams_too()
    {
        MetadataService.OnAllocated = (_, _, _) => throw new FileNotFoundException("no such snapshot");
        await using var server = await StartAsync(new GrpcServerOptions(), new Recorder("outer", _events), new Translator());
        using var call = new SnapshotMetadata.SnapshotMetadataClient(server.Channel)
            .GetMetadataAllocated(new GetMetadataAllocatedRequest(), cancellationToken: TestToken);

        await AssertFailsAsync(StatusCode.NotFound, () => call.ResponseStream.MoveNext(TestToken));

        Assert.Equal(["outer /csi.v1.SnapshotMetadata/GetMetadataAllocated"], _events);
    }

    private sealed class Recorder(string name, List<string> events) : IServerInterceptor
    {
        public async Task<TResponse> UnaryAsync<TRequest, TResponse>(
            TRequest request, ServerCallContext context, Func<TRequest, ServerCallContext, Task<TResponse>> next)
            where TRequest : class
            where TResponse : class
        {
            events.Add($"{name} {context.Method}");
            var response = await next(request, context);
            events.Add($"{name} done");
            return response;
        }

        public async Task ServerStreamingAsync<TRequest, TResponse>(
            TRequest request,
            IServerStreamWriter<TResponse> responseStream,
            ServerCallContext context,
            Func<TRequest, IServerStreamWriter<TResponse>, ServerCallContext, Task> next)
            where TRequest : class
            where TResponse : class
        {
            events.Add($"{name} {context.Method}");
            await next(request, responseStream, context);
            events.Add($"{name} done");
        }
    }

    private sealed class Translator : IServerInterceptor
    {
        public async Task<TResponse> UnaryAsync<TRequest, TResponse>(
            TRequest request, ServerCallContext context, Func<TRequest, ServerCallContext, Task<TResponse>> next)
            where TRequest : class
            where TResponse : class
        {
            try
            {
                return await next(request, context);
            }
            catch (FileNotFoundException e)
            {
                throw new RpcException(new Status(StatusCode.NotFound, e.Message));
            }
        }

        public async Task ServerStreamingAsync<TRequest, TResponse>(
            TRequest request,
            IServerStreamWriter<TResponse> responseStream,
            ServerCallContext context,
            Func<TRequest, IServerStreamWriter<TResponse>, ServerCallContext, Task> next)
            where TRequest : class
            where TResponse : class
        {
            try
            {
                await next(request, responseStream, context);
            }
            catch (FileNotFoundException e)
            {
                throw new RpcException(new Status(StatusCode.NotFound, e.Message));
            }
        }
    }
}
