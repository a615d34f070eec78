using CsiLocal.Tests.Fakes;
using CsiLocal.Tests.Rpc;
using CsiLocal.Tests.Support;
using CsiLocal.Tools;
using Grpc.Core;
using Xunit;

namespace CsiLocal.Tests.Faults;

/// <summary>A driver whose commands a test may hold up or fail.</summary>
/// <typeparam name="TPool">The kind of pool.</typeparam>
public abstract class FaultTest<TPool> : DriverTest<TPool>
    where TPool : TestPool, new()
{
    private protected static readonly StatusCode[] s_failures = [StatusCode.Internal, StatusCode.Aborted, StatusCode.DataLoss];

    private protected CommandFaults Faults { get; } = new();

    private protected override void Prepare(TestDriver driver) => driver.Seams = new() { Commands = Faults.Wrap };

    /// <summary>Repeats a call for as long as another one on the same volume runs.</summary>
    private protected static async Task<T> UntilFreeAsync<T>(Func<AsyncUnaryCall<T>> call)
    {
        while (true)
        {
            try
            {
                return await call();
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.Aborted)
            {
                await Task.Delay(20);
            }
        }
    }

    private protected static Func<ToolCommand, Func<Task<ToolOutput>>, Task<ToolOutput>> Fault(string fault) => async (command, run) =>
    {
        if (fault.EndsWith("after", StringComparison.Ordinal))
            await run();

        return fault.StartsWith("failed", StringComparison.Ordinal)
            ? new ToolOutput(32, "", $"{command.Program}: it failed")
            : throw new ToolException(command, ToolFailure.TimedOut, $"{command.Program} did not end in time and was killed");
    };

    /// <summary>What the driver does after a fault: "go on", "restart" or "lose the state".</summary>
    private protected async Task GoOnAsync(string then)
    {
        if (then != "go on")
        {
            await Driver.StopAsync();
            Faults.Heal();
            if (then == "lose the state")
                LoseState();
            await Driver.StartAsync();
        }

        Faults.Heal();
    }

    private protected void LoseState()
    {
        foreach (var part in Directory.EnumerateFiles(Driver.StateDirectory, "state.db*"))
            File.Delete(part);
    }

    private protected static async Task EitherAsync<T>(AsyncUnaryCall<T> call)
    {
        using (call)
        {
            try
            {
                await call;
            }
            catch (RpcException e)
            {
                Assert.Contains(e.StatusCode, s_failures);
            }
        }
    }
}
