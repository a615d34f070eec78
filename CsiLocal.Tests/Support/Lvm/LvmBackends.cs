using CsiLocal.Backends.Lvm;
using CsiLocal.Configuration;
using CsiLocal.Volumes;

namespace CsiLocal.Tests.Support.Lvm;

/// <summary>Backends of a test's pool, without a driver around them.</summary>
internal static class LvmBackends
{
    /// <summary>A new instance that knows nothing yet.</summary>
    public static LvmBackend Make(LvmPool pool, TimeProvider? time = null)
    {
        var (options, clock) = (pool.Options, time ?? TimeProvider.System);
        var group = new VolumeGroup(pool.World.VolumeGroup, pool.World.MakeTool(), pool.World.Devices, Claims.None, clock);
        return new LvmBackend(options, group, Provisioner(options, group, clock), clock);
    }

    private static ILvmProvisioner Provisioner(PoolOptions options, VolumeGroup group, TimeProvider clock) => options.Backend == BackendKind.Lvm
        ? new ThickProvisioner(options, group, clock)
        : new ThinProvisioner(options, group, static _ => true, static (_, _, _) => { }, clock);
}
