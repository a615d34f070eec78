using CsiLocal.Tests.Support;

namespace CsiLocal.Tests.Vm;

/// <summary>A volume group on blank disks, made and removed with the tools themselves.</summary>
internal sealed class VolumeGroup : IDisposable
{
    private readonly BlankDisks _disks;

    public VolumeGroup(int disks = 1)
    {
        _disks = BlankDisks.Take(disks);
        HostCommand.Run("vgcreate", ["--quiet", Name, .. _disks.Paths]);
    }

    public string Name { get; } = $"vm{Guid.NewGuid():N}"[..10];

    /// <summary>Makes a logical volume; returns the path of its device.</summary>
    public string Create(string name, params string[] arguments)
    {
        HostCommand.Run("lvcreate", ["--quiet", "--yes", "--name", name, .. arguments, Name]);
        return $"/dev/{Name}/{name}";
    }

    public void Dispose()
    {
        HostCommand.Run("vgremove", "--quiet", "--yes", "--force", Name);
        _disks.Dispose();
    }
}
