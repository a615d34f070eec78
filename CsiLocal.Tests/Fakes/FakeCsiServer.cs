using System.Collections.Concurrent;
using CsiLocal.Tests.Support;
using Grpc.Core;
using Proto = Csi.V1;

namespace CsiLocal.Tests.Fakes;

/// <summary>A daemon on a Unix socket that keeps its volumes in memory: what the command line and the bench are tried on.</summary>
internal sealed class FakeCsiServer : IAsyncDisposable
{
    private GrpcTestServer? _server;

    public string Endpoint => _server!.Endpoint;

    public FakeCsiState State { get; } = new();

    public static async Task<FakeCsiServer> StartAsync()
    {
        var fake = new FakeCsiServer();
        fake._server = await GrpcTestServer.StartAsync(map =>
        {
            Proto.Identity.BindService(map, new FakeCsiIdentity(fake.State));
            Proto.Controller.BindService(map, new FakeCsiController(fake.State));
            Proto.Node.BindService(map, new FakeCsiNode(fake.State));
            Admin.V1.Admin.BindService(map, new FakeAdmin(fake.State));
        });
        return fake;
    }

    public ValueTask DisposeAsync() => _server!.DisposeAsync();
}

/// <summary>What the fake daemon holds, what it was called with, and what it is told to do wrong.</summary>
internal sealed class FakeCsiState
{
    private readonly ConcurrentDictionary<string, Func<RpcException?>> _faults = new();

    public ConcurrentDictionary<string, Admin.V1.VolumeDetail> Volumes { get; } = new();

    public ConcurrentDictionary<string, (Proto.Snapshot Snapshot, string Name)> Snapshots { get; } = new();

    public List<Admin.V1.Pool> Pools { get; } = [];

    public ConcurrentQueue<Admin.V1.Task> Tasks { get; } = new();

    public List<Admin.V1.TrashedVolume> Trash { get; } = [];

    public Admin.V1.AdoptVolumeResponse? Adoption { get; set; }

    public List<Admin.V1.Adoptable> Adoptable { get; } = [];

    public List<string> ReloadChanges { get; } = [];

    public List<Admin.V1.ExplainResponse> Explanation { get; } = [];

    public List<Admin.V1.Finding> Findings { get; } = [];

    public List<Admin.V1.Decision> Decisions { get; } = [];

    public ConcurrentQueue<(string Rpc, object Request)> Calls { get; } = new();

    public bool OffersStage { get; set; } = true;

    public bool OffersControllerPublish { get; set; }

    public bool RequiresNodeExpansion { get; set; } = true;

    /// <summary>Runs before the named call is answered; may wait.</summary>
    public Func<string, Task> Before { get; set; } = _ => Task.CompletedTask;

    /// <summary>Lets the first calls of an RPC fail.</summary>
    public void Fail(string rpc, StatusCode code, string detail, int times = 1)
    {
        var left = times;
        _faults[rpc] = () => Interlocked.Decrement(ref left) >= 0 ? new RpcException(new Status(code, detail)) : null;
    }

    public async Task EnterAsync(string rpc, object request)
    {
        Calls.Enqueue((rpc, request));
        await Before(rpc);
        if (_faults.TryGetValue(rpc, out var fault) && fault() is { } exception)
            throw exception;
    }

    public T LastRequest<T>() => Calls.Select(call => call.Request).OfType<T>().Last();

    public int Count(string rpc) => Calls.Count(call => call.Rpc == rpc);

    public Admin.V1.VolumeDetail Volume(string id) =>
        Volumes.TryGetValue(id, out var volume)
            ? volume
            : throw new RpcException(new Status(StatusCode.NotFound, $"volume {id}: does not exist"));
}
