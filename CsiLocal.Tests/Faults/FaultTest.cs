using CsiLocal.Tests.Fakes;
using CsiLocal.Tests.Rpc;
using CsiLocal.Tests.Support;
using Csi.V1;
using Grpc.Core;

namespace CsiLocal.Tests.Faults;

/// <summary>A driver on an image pool whose commands a test may hold up or fail.</summary>
public abstract class FaultTest : DriverTest<ImagePool>
{
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

    private protected string ImageOf(Volume volume) => Path.Combine(Pool.Options.Path, "volumes", $"{volume.VolumeId}.img");
}
