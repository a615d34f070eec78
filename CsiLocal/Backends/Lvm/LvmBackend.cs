using CsiLocal.Configuration;

namespace CsiLocal.Backends.Lvm;

/// <summary>Volumes as logical volumes named by their ids.</summary>
internal sealed class LvmBackend(PoolOptions options, VolumeGroup group, ILvmProvisioner provisioner)
{
    public override string ToString() => $"{options} {group} {provisioner}";
}
