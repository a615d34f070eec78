namespace CsiLocal.Volumes;

/// <summary>How bad a finding is (CSI 1.13 VolumeHealthErrorType).</summary>
internal enum HealthStatus
{
    Degraded,
    Inaccessible,
    DataLoss,
}

/// <summary>One thing that is wrong with a volume.</summary>
/// <param name="Status">How bad it is.</param>
/// <param name="Reason">CamelCase word for programs.</param>
/// <param name="Message">Sentence for people.</param>
internal sealed record HealthFinding(HealthStatus Status, string Reason, string Message);
