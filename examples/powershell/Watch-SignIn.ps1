<#
.SYNOPSIS
Checks some addresses each night, and writes the text of a mail if something changed.

.DESCRIPTION
A runbook for a scheduled task. What was found is kept in a file, so that only what
is new or gone is told. Writes nothing where all is as it was.

.PARAMETER Address
The sign-in addresses to check, such as one for each site.

.PARAMETER StatePath
The file that keeps what was found the last time.

.EXAMPLE
$text = .\Watch-SignIn.ps1 -Address probe1@contoso.com, probe2@contoso.com -StatePath .\state.xml
if ($text) { Send-MgUserMail -UserId watch@contoso.com -Message @{ subject = 'Lync sign-in'; body = @{ content = $text }; toRecipients = @(@{ emailAddress = @{ address = 'uc@contoso.com' } }) } }
#>
[CmdletBinding()]
param(
    [Parameter(Mandatory = $true)]
    [string[]] $Address,

    [Parameter(Mandatory = $true)]
    [string] $StatePath
)

$ErrorActionPreference = 'Stop' # a module does not see it: below it is said again
Import-Module (Join-Path -Path $PSScriptRoot -ChildPath 'LyncDiag')

$before = @{}
if (Test-Path -LiteralPath $StatePath) {
    $before = Import-Clixml -LiteralPath $StatePath
}
$after = @{}
$lines = New-Object -TypeName 'System.Collections.Generic.List[string]'
foreach ($report in ($Address | Test-LyncSignIn -ErrorAction Stop)) {
    $name = $report.target.address
    # Roots alone: what they explain comes and goes with them.
    $after[$name] = @($report.findings | Where-Object { $_.severity -ne 'info' -and $_.causedBy -eq '' } | ForEach-Object { $_.name })
    $known = @()
    if ($before.ContainsKey($name)) {
        $known = @($before[$name])
    }
    foreach ($finding in $report.findings) {
        if ($after[$name] -contains $finding.name -and $known -notcontains $finding.name) {
            $lines.Add(('{0}: NEW {1} ({2}). {3}' -f $name, $finding.title, $finding.name, $finding.resolution[0]))
        }
    }
    foreach ($gone in $known) {
        if ($after[$name] -notcontains $gone) {
            $lines.Add(('{0}: gone: {1}' -f $name, $gone))
        }
    }
}
$after | Export-Clixml -LiteralPath $StatePath
if ($lines.Count -gt 0) {
    $lines -join [Environment]::NewLine
}
