using System.Globalization;

namespace CsiLocal.Tests.Vm;

/// <summary>How long the kernel lets writes to a full thin pool wait; a minute unless this says otherwise.</summary>
/// <remarks>An emulated machine on a busy host takes that long for a single lvextend. What is proved is what happens within the window.</remarks>
internal sealed class QueueWindow : IDisposable
{
    private const string Parameter = "/sys/module/dm_thin_pool/parameters/no_space_timeout";

    private readonly string _before;

    public QueueWindow(TimeSpan length)
    {
        Support.HostCommand.Run("modprobe", "dm_thin_pool");
        _before = File.ReadAllText(Parameter);
        File.WriteAllText(Parameter, ((int)length.TotalSeconds).ToString(CultureInfo.InvariantCulture));
    }

    public void Dispose() => File.WriteAllText(Parameter, _before);
}
