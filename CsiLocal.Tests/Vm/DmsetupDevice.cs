using CsiLocal.Tests.Support;

namespace CsiLocal.Tests.Vm;

/// <summary>A device-mapper device of a table given here; removed afterwards.</summary>
internal sealed class DmsetupDevice : IDisposable
{
    public DmsetupDevice(IReadOnlyList<string> options, params IReadOnlyList<string> table)
    {
        using var folder = new TemporaryFolder();
        var file = folder.Combine("table");
        File.WriteAllLines(file, table);
        HostCommand.Run("dmsetup", ["create", Name, "--uuid", Uuid, .. options, .. table.Count > 0 ? new[] { file } : []]);
    }

    public string Name { get; } = $"dm{Guid.NewGuid():N}"[..10];

    public string Uuid { get; } = $"TEST-{Guid.NewGuid():N}";

    public string Path => $"/dev/mapper/{Name}";

    public void Dispose() => HostCommand.Run("dmsetup", "remove", "--retry", Name);
}
